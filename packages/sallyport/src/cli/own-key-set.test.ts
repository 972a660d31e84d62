import type { SigningKeys } from "@sallyport/auth";
import { createTestKeys } from "@sallyport/auth/testing";
import { expect, test } from "vitest";
import { createOwnKeySet } from "./own-key-set.js";

async function create() {
  const keys = await createTestKeys();
  const [jwk] = await keys.publicKeys();
  const state = { looks: 0, keys: [jwk], wait: Promise.resolve() };
  const source = {
    current: keys.current,
    publicKeys: async () => {
      state.looks += 1;
      const now = [...state.keys];
      await state.wait;
      return now;
    },
  } as SigningKeys;
  return { state, set: createOwnKeySet(source), header: { alg: "ES256", kid: jwk?.kid } };
}

test("a key is looked up once, and an unknown one at most once a second", async () => {
  const { state, set, header } = await create();
  expect(await set.find(header, 100)).toMatchObject({ kid: header.kid });
  expect(set.find(header, 100)).toMatchObject({ kid: header.kid });
  expect([set.find({ ...header, kid: "forged" }, 100), state.looks]).toEqual([undefined, 1]);
  expect([await set.find({ ...header, kid: "forged" }, 101), state.looks]).toEqual([undefined, 2]);
});

test("a removed key is gone when it is forgotten, also from an answer that was under way", async () => {
  const { state, set, header } = await create();
  let go = () => {};
  state.wait = new Promise((resolve) => {
    go = resolve;
  });
  const asked = set.find(header, 100);
  set.forget();
  state.keys = [];
  state.wait = Promise.resolve();
  go();
  expect(await asked).toBeUndefined();
  expect(await set.find(header, 100)).toBeUndefined();
});
