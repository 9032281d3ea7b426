/** What an object of the snapshot says, as one text: where it is written does not matter. */
export function saidText(value: object): string {
  return JSON.stringify(value, (field, part: unknown) => {
    if (field === 'where') return undefined;
    return part instanceof Map || part instanceof Set ? [...part] : part;
  });
}
