import { parse } from "@bufbuild/cel";
import type { Config } from "../config/schema.js";
import type { Expr } from "./condition-check.js";

/**
 * The roles that a file names: in `access`, for operators, and in the conditions of rules as `"lead" in principal.roles`. `undefined` where
 * a condition does anything else with roles: then any of them may be meant.
 */
export function namedRoles({ servers, operators, rules }: Config): readonly string[] | undefined {
  const all = Object.values(servers);
  const conditions = [...rules, ...all.flatMap((server) => server.rules)].flatMap(({ when }) => when ?? []);
  const ofConditions = conditions.map((text) => rolesOf(parse(text).expr));
  if (ofConditions.includes(undefined)) return undefined;
  const ofAccess = all.flatMap(({ access = [] }) => access.flatMap(({ roles = [] }) => roles));
  return [...new Set([...ofAccess, ...operators.roles, ...ofConditions.flatMap((names) => names ?? [])])].sort();
}

/** `undefined`: they are read in a way that does not say which. */
function rolesOf(expr: Expr): readonly string[] | undefined {
  const asked = askedFor(expr);
  if (asked !== undefined) return [asked];
  if (isRoles(expr) || isIdent(expr, "principal")) return undefined;
  const ofParts = partsOf(expr).map(rolesOf);
  return ofParts.includes(undefined) ? undefined : ofParts.flatMap((names) => names ?? []);
}

/** `"lead"` of `"lead" in principal.roles`. */
function askedFor({ exprKind: { case: kind, value } }: Expr): string | undefined {
  if (kind !== "callExpr" || value.function !== "@in") return undefined;
  const [item, list] = value.args;
  if (item?.exprKind.case !== "constExpr" || list === undefined || !isRoles(list)) return undefined;
  const { constantKind } = item.exprKind.value;
  return constantKind.case === "stringValue" ? constantKind.value : undefined;
}

function isRoles({ exprKind: { case: kind, value } }: Expr): boolean {
  return kind === "selectExpr" && value.field === "roles" && isIdent(value.operand, "principal");
}

function isIdent(expr: Expr | undefined, name: string): boolean {
  return expr?.exprKind.case === "identExpr" && expr.exprKind.value.name === name;
}

function partsOf({ exprKind: { case: kind, value } }: Expr): readonly Expr[] {
  switch (kind) {
    case "selectExpr":
      return isIdent(value.operand, "principal") ? [] : given(value.operand);
    case "callExpr":
      return given(value.target, ...value.args);
    case "listExpr":
      return value.elements;
    case "structExpr":
      return value.entries.flatMap((entry) =>
        given(entry.keyKind.case === "mapKey" ? entry.keyKind.value : undefined, entry.value),
      );
    case "comprehensionExpr":
      return given(value.iterRange, value.accuInit, value.loopCondition, value.loopStep, value.result);
    default:
      return [];
  }
}

function given(...parts: readonly (Expr | undefined)[]): readonly Expr[] {
  return parts.filter((part) => part !== undefined);
}
