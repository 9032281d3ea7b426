/** @returns what `open` opened at the first call, from then on; a failure is not kept: the next call tries again. */
export function openedOnce<Opened>(open: () => Promise<Opened>): () => Promise<Opened> {
  let opened: Promise<Opened> | undefined;
  return async () => {
    opened ??= open();
    const opening = opened;
    try {
      return await opening;
    } catch (error) {
      if (opened === opening) opened = undefined;
      throw error;
    }
  };
}
