/**
 * US dollars as they are told: twelve digits, and nothing below a millionth of a millionth. What lies behind is the noise of
 * binary fractions, which `0.1 + 0.2` has and a bill must not. Whoever adds up goes on with the amount itself. An amount that
 * is not known stays so.
 */
export function shownUsd<Amount extends number | undefined>(amount: Amount): Amount;
export function shownUsd(amount: number | undefined): number | undefined {
  return amount === undefined ? undefined : Number(Number(amount.toPrecision(12)).toFixed(12));
}
