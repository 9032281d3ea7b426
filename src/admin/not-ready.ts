/** The answer of a door behind which nobody has read the mesh yet. */
export const notReady = {
  kind: 'not-ready',
  message: 'the control plane has not read its mesh yet',
  advice: 'look at its log; it says what it waits for',
} as const;
