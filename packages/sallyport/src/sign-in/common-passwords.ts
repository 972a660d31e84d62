/*
 * What people choose when twelve characters are asked for. A list of millions would refuse little more at this length; what matters is
 * that the first few hundred guesses fail, and rate limits stop the rest.
 */
const COMMON = new Set(
  `password passwort passw0rd motdepasse contrasena wachtwoord parola haslo secret geheim letmein welcome willkommen bienvenue
  administrator admin adminadmin superuser rootroot changeme changemenow changeit default temppassword mypassword newpassword
  thisismypassword passwordpassword mysecretpassword qwerty qwertyuiop qwertyuiopasdf qwertyuiopasdfghjkl asdfghjkl asdfghjkliop
  zxcvbnm qwertzuiop azertyuiop qazwsx qazwsxedc qazwsxedcrfv zaqxsw q1w2e3r4t5y6 q1w2e3r4 1q2w3e4r5t6y 1q2w3e4r 1qaz2wsx
  1qaz2wsx3edc zaq12wsx iloveyou iloveyouforever football baseball basketball superman batman starwars princess sunshine dragon
  monkey master shadow michael jennifer jordan trustno computer internet samsung google facebook microsoft whatever
  abcdefghijkl abcdefghijklm abcdefghijklmnopqrstuvwxyz alphabet sallyport sallyportowner modelcontextprotocol
  correcthorsebatterystaple onetwothreefour onetwothree`
    .trim()
    .split(/\s+/),
);
const RUNS = "012345678901234567890 09876543210987654321 abcdefghijklmnopqrstuvwxyz";

/** `password` in NFKC. Also refuses one short piece repeated, plain runs, and what is little more than the user's name. */
export function isCommonPassword(password: string, userName: string): boolean {
  const plain = password.toLowerCase().replace(/\s+/g, "");
  const word = plain.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, "");
  const forms = [plain, word, plain.replace(/[^\p{L}\d]+/gu, ""), word.replace(/^(.+)\1$/u, "$1")];
  return forms.some((form) => COMMON.has(form)) || isMonotonous(plain) || isMostlyName(plain, userName.toLowerCase());
}

function isMonotonous(plain: string): boolean {
  return RUNS.includes(plain) || /^(.{1,5})\1+.{0,4}$/u.test(plain);
}

function isMostlyName(plain: string, name: string): boolean {
  return name.length >= 3 && plain.includes(name) && plain.length - name.length < 8;
}
