/** Why a drill may not be: what stands against it, and what to do next. */
export interface Refusal {
  readonly message: string;
  readonly advice: string;
}

export function formatRefusals(refusals: readonly Refusal[]): Refusal {
  return {
    message: refusals.map(({ message }) => message).join('; '),
    advice: [...new Set(refusals.map(({ advice }) => advice))].join('; '),
  };
}
