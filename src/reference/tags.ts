/** The chapters of the reference, in their order. */
export const TAGS: Readonly<Record<string, string>> = {
  Candidates: 'People who look for a position.',
  Vacancies: 'Positions that are to be filled.',
  Applications: 'Who applies for what. Both must be known when an application is processed.',
  Files: 'CVs, which candidates and applications name once they are uploaded.',
  Workspaces: "An ATS's clients, each with a workspace of its own, and their members.",
  Uploads: 'Files that candidates and applications name as their CV.',
  'Incoming webhooks': 'The same writes, as signed webhooks.',
  Flows: 'A flow is one accepted write and all that follows from it; its `reference_id` shows it from end to end.',
  Events: 'For catching up after an outage, at your own pace.',
  'Event types': 'What the gateway sends, and the schemas of it.',
  'Outgoing webhooks':
    'What your endpoint receives. Answer any `2xx` within 5 seconds; anything else is retried for two days and more. ' +
    'An event may arrive twice: its `event_id` tells.',
  Operations: 'For load balancers and monitoring.',
};
