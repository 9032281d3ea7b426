/** What a lab could leave behind on the machine: processes and their network namespaces, found by looking at all of them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Trace {
  readonly pid: number;
  readonly command: string;
  readonly netns: string;
}

/** Processes that carry a lab's directory in their command line or environment: all that an agent starts, and the agent. */
export function tracesOf(dir: string): readonly Trace[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        if (!command.includes(dir) && !environment.includes(dir)) return [];
        return [{ pid: Number(pid), command, netns: readlinkSync(`/proc/${pid}/ns/net`) }];
      } catch {
        return []; // gone meanwhile
      }
    });
}

export function processesIn(netns: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/ns/net`) === netns;
      } catch {
        return false;
      }
    })
    .map(Number);
}
