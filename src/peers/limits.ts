/** Bounds of what replicas tell each other, and how long they wait for a word. */

/** Between two signs of life, in either direction, in ms. */
export const aliveMs = 1_000;

/**
 * Silence after which the other side counts as gone, in ms. Shorter than the life of a layer that nobody renews, so that a
 * follower takes back what a leader laid that stands still, before the proxies have to do it by themselves.
 */
export const silenceMs = 3_000;

/** Before the next try to reach the leader, in ms: first, and longest. Half of each is jitter. */
export const retryMs = { first: 200, longest: 5_000 } as const;

/** How long news of proxies may wait for more of their kind, in ms: one message for many. */
export const newsMs = 20;

/** The same of what streams were sent and accepted, in ms: to look through thousands of them takes its time. */
export const clientsMs = 500;

/** The same of how far proxies have come with objects, in ms: who asks for it waits for an operator's `kubectl`. */
export const talliesMs = 1_000;

/** Most of a kind in one message: some hundred kilobytes at most. */
export const perMessageMax = 500;

/** Names of resources in one message, unless one proxy alone has accepted more. */
export const namesPerMessageMax = 10_000;

/** News that may wait. Who has more of them to tell is not up to date any more, and begins anew. */
export const newsWaitingMax = 50_000;

/** Messages that may wait for the other side to take them, before it counts as gone. */
export const unsentMax = 1_024;

/** The same, before loads and records are left out: what they tell is a matter of seconds. */
export const lossyUnsentMax = 64;

/** Followers of one leader, each with one stream. */
export const followersMax = 16;

/** Proxies on which one leader may have laid something: as many as one mesh may have. */
export const laidMax = 10_000;

/** Clusters that one leader may have watched at once; a drill has one or two. */
export const watchesMax = 256;

/** Longest name of a replica, in characters: as `--replica` takes it. */
export const replicaNameMax = 63;

/** Longest that a question may wait for the leader's answer, in ms: its asker waits ten seconds, and hears of it still. */
export const answerMs = 8_000;

/** Largest message of the other side, in bytes: the names of what one proxy holds, of a thousand proxies. */
export const messageBytesMax = 16 * 1_024 * 1_024;
