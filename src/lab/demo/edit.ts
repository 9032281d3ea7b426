/** Edits of the live mesh folder that checks make and readers repeat, taken from files so that both do the same. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DemoPlace } from './check.ts';
import type { DemoContext } from './demo-context.ts';

export interface Edit {
  /** Name in `edits/`. */
  readonly file: string;
  /** Folder of the mesh that it goes to. */
  readonly tenant: string;
}

export const grantDocuments: Edit = { file: 'grant-documents.yaml', tenant: 'atelier' };
export const grantDatabase: Edit = { file: 'grant-database.yaml', tenant: 'atelier' };
export const grantBus: Edit = { file: 'grant-bus.yaml', tenant: 'atelier' };
export const noDrafts: Edit = { file: 'no-drafts.yaml', tenant: 'atelier' };

/** @returns epoch ms at which the file stood. */
export function apply({ mesh }: DemoContext, { file, tenant }: Edit): number {
  mesh.write(`${tenant}/${file}`, textOf(file));
  return Date.now();
}

function textOf(file: string): string {
  return readFileSync(fileURLToPath(new URL(`./edits/${file}`, import.meta.url)), 'utf8');
}

/** Writes a grant with an end, by which it is gone whoever lives. */
export function applyUntil({ mesh }: DemoContext, { file, tenant }: Edit, endMs: number): void {
  mesh.write(`${tenant}/${file}`, `${textOf(file).trimEnd()}\n  notAfter: ${new Date(endMs).toISOString()}\n`);
}

/** @returns epoch ms at which the file was gone. */
export function withdraw({ mesh }: DemoContext, { file, tenant }: Edit): number {
  mesh.remove(`${tenant}/${file}`);
  return Date.now();
}

export function applyLine({ file, tenant }: Edit, { mesh }: DemoPlace): string {
  return `cp src/lab/demo/edits/${file} ${mesh}/${tenant}/`;
}

export function withdrawLine({ file, tenant }: Edit, { mesh }: DemoPlace): string {
  return `rm ${mesh}/${tenant}/${file}`;
}
