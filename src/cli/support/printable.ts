/** A value on one line, quoted where its ends or its characters would not be seen. */
export function printable(value: string): string {
  return /^[\p{L}\p{N}\p{P}\p{S}]+( [\p{L}\p{N}\p{P}\p{S}]+)*$/u.test(value) ? value : JSON.stringify(value);
}
