/** Name of our instrumentation scope, for metrics and spans. */
export const scopeName = 'coffre';
