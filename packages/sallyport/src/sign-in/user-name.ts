/** User names are compared in NFKC and lower case, so that two people cannot look like one. */
export function normaliseUserName(name: string): string {
  return name.normalize("NFKC").trim().toLowerCase();
}

/** Why `name` cannot be a user name, or `undefined`. Letters, digits and `. _ - + @` of any script, 1 to 64 characters. */
export function userNameProblem(name: string): string | undefined {
  const normal = normaliseUserName(name);
  if (normal.length === 0 || normal.length > 64) return "A user name has 1 to 64 characters.";
  if (!/^[\p{L}\p{N}][\p{L}\p{M}\p{N}._+@-]*$/u.test(normal)) {
    return "A user name is made of letters, digits and . _ - + @, and begins with a letter or digit.";
  }
  return undefined;
}
