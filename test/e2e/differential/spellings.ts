/** Ways to spell a path, and what is left of each once Envoy has normalised it: what policy judges and the application sees. */
export interface Spelling {
  /** As the client writes it. */
  readonly asked: string;
  /** As the application sees it; a path that leaves room for two readings is answered 400, whatever the policy. */
  readonly seen: string | '400';
}

const spelled = (asked: string, seen: string = asked): Spelling => ({ asked, seen });

export const spellings: readonly Spelling[] = [
  spelled('/'),
  spelled('/other'),
  spelled('/admin'),
  spelled('/admin/'),
  spelled('/admin/x'),
  spelled('/admin.'),
  spelled('/admin;x'),
  spelled('/admin;x/y'),
  spelled('/admin/x;y'),
  spelled('/admin/x%3By'),
  spelled('/;x/admin'),
  spelled('/admin/;x/y'),
  spelled('/other/..;/admin', '/admin'),
  spelled('/%2e%2e;/admin', '/..;/admin'),
  spelled('/admin/..%3B/x'),
  spelled('/admin/x%'),
  spelled('/administrator'),
  spelled('/ADMIN'),
  spelled('/Admin/x'),
  spelled('/admin?to=/deeds/1'),
  spelled('/deeds'),
  spelled('/deeds/'),
  spelled('/deeds/1'),
  spelled('/deeds;v=1'),
  spelled('/deeds?/admin'),
  spelled('//admin', '/admin'),
  spelled('/admin//x', '/admin/x'),
  spelled('///deeds//1', '/deeds/1'),
  spelled('/./admin', '/admin'),
  spelled('/admin/.', '/admin/'),
  spelled('/admin/..', '/'),
  spelled('/other/../admin', '/admin'),
  spelled('/admin/../deeds/1', '/deeds/1'),
  spelled('/deeds/%2e%2e/admin/x', '/admin/x'),
  spelled('/deeds/.%2E/admin', '/admin'),
  spelled('/%61dmin', '/admin'),
  spelled('/admin%3Bx'),
  spelled('/admin\\x', '/admin/x'),
  spelled('/deeds\\..\\admin', '/admin'),
  spelled('/admin%2Fx', '400'),
  spelled('/admin%2fx', '400'),
  spelled('/admin%5Cx', '400'),
  spelled('/..%2fadmin', '400'),
];
