/** Salt and hash in base64 without padding; with a shorter salt no password can be compared. */
const whole =
  /^\$argon2id\$v=19\$m=[1-9]\d{0,8},t=[1-9]\d{0,5},p=[1-9]\d{0,4}\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{22,}$/;

/** The PHC text of an argon2id hash. */
export function isPasswordHash(text: string): boolean {
  return whole.test(text);
}

/** Meant to be a hash of this family, whole or not: nobody's password begins like this. */
export function looksLikePasswordHash(text: string): boolean {
  return text.startsWith("$argon2");
}
