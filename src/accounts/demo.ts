/** The placeholders of the published Quick Start, so that its commands run as they stand. */
export const DEMO = {
  atsId: 'your-ats-id',
  apiKey: 'your-api-key',
  clientId: 'your-client-id',
  userId: 'your-user-id',
  incomingSecret: 'your-incoming-webhook-secret',
  outgoingSecret: 'your-outgoing-webhook-secret',
  email: 'demo@example.com',
  password: 'demo-password',
} as const;
