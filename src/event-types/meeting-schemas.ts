import type { JsonSchema, JsonSchemas } from '../http/json-schema';

const TIME: JsonSchema = { type: 'string', format: 'date-time' };

function meeting(properties: Record<string, JsonSchema>): JsonSchema {
  const meeting_id: JsonSchema = {
    type: 'string',
    description: "The meeting's id in CarvOS",
    examples: ['meeting-9'],
  };
  return { type: 'object', required: ['meeting_id'], properties: { meeting_id, ...properties } };
}

/** What meeting events bring. */
export const MEETING_SCHEMAS: JsonSchemas = {
  MeetingTranscript: meeting({
    transcript: { type: 'string', description: 'What was said', examples: ['Ann: Welcome, Jane.'] },
    started_at: { ...TIME, description: 'When the meeting began', examples: ['2026-02-25T10:30:00Z'] },
  }),
  MeetingSummary: meeting({
    summary: { type: 'string', description: 'What it came to', examples: ['Jane knows PostgreSQL well.'] },
  }),
  MeetingNotes: meeting({
    notes: { type: 'string', description: 'What was noted', examples: ['Follow up on Tuesday.'] },
  }),
};
