/** How a command ends, for scripts. Printed by `--help`; a number never changes its meaning. */
export const exitCode = {
  ok: 0,
  /** The question was answered, and the answer is bad: something is wrong, invalid, or denied. */
  no: 1,
  /** The command line, or a file that it names, cannot be used. */
  misuse: 2,
  /** The control plane cannot be reached, or will not answer this caller. */
  unreachable: 3,
  /** Of `prove`: a path was found, where there was to be none. */
  reachable: 77,
  /** Of `prove`: the only way left leads through something that is not understood. Of `simulate`: a verdict may flip. */
  unknown: 78,
  /** Of a change that was only looked at: it would let a tenant in where none was. */
  opened: 79,
  /** A drill is over, and its steady state did not hold. */
  deviated: 80,
  /** A drill was ended before its time, and its steady state had held until then. */
  halted: 81,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

export const exitCodeHelp = `
Exit codes:
  0  as asked, and all is well
  1  answered, and something is wrong, invalid or denied
  2  the command line or a file it names cannot be used
  3  the control plane cannot be reached, or refuses this caller
 77  of a proof: there is a path
 78  of a proof or a simulation: it is not known, as something on the only way is not understood or was not recorded
 79  of a change: it would open one tenant to another
 80  of a drill: a probe left its tolerance, so the hypothesis did not hold
 81  of a drill: it was halted, or ended by an alert, the lever or withdrawn consent`;
