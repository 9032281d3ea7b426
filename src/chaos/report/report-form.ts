/** In which forms and languages a drill is reported: words of the door and of the command line. */
export const reportForms = ['markdown', 'html', 'json'] as const;
export const reportLanguages = ['en', 'fr'] as const;

export type ReportForm = (typeof reportForms)[number];
export type ReportLanguage = (typeof reportLanguages)[number];
