/** An address and its port, as records and command lines write them: `10.1.0.2:8080`, `[fd00::2]:8080`. */

export interface AddressAndPort {
  readonly address: string;
  readonly port: number;
}

/** @returns undefined of any other text. */
export function readAddress(text: string): AddressAndPort | undefined {
  const [, address, port] = /^\[?([0-9a-fA-F:.]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  return address === undefined ? undefined : { address, port: Number(port) };
}
