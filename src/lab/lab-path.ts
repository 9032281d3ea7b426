/** PATH inside a lab: `ip`, `iptables-restore` and their kin, also for a user whose own PATH leaves the sbin directories out. */
export const labPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
