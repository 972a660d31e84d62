import { checkExposure } from "../config/exposure.js";
import type { Problem } from "../config/problem.js";
import type { Config } from "../config/schema.js";

const WITHOUT_LOG = "log.dangerouslyForwardWithoutLog: calls go through although their decision cannot be recorded";

/** Problems of the exposure: refused, or, when the flag says so, said aloud at every start. */
export function judgeExposure(
  config: Config,
  dangerouslyAllowPlainHttp: boolean,
): {
  readonly problems: readonly Problem[];
  readonly dangers: readonly string[];
  /** Tokens may cross a network in the clear. */
  readonly plainHttp: boolean;
} {
  const problems = checkExposure(config);
  const dangers = config.log.dangerouslyForwardWithoutLog ? [WITHOUT_LOG] : [];
  if (!dangerouslyAllowPlainHttp || problems.length === 0) return { problems, dangers, plainHttp: false };
  const why = problems.map(({ message }) => message).join("; ");
  return { problems: [], dangers: [...dangers, `--dangerously-allow-plain-http: ${why}`], plainHttp: true };
}
