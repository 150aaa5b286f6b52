import type { JsonSchema } from '../http/json-schema';

/** The form that is sent. */
export const UPLOAD_SCHEMA: JsonSchema = {
  title: 'Upload',
  type: 'object',
  required: ['file'],
  properties: {
    file: { type: 'string', format: 'binary', description: 'The file, with its name', examples: ['cv.pdf'] },
  },
};

const TIME: JsonSchema = { type: 'string', format: 'date-time' };

/** `UploadedFile` as the reference describes it. */
export const UPLOADED_SCHEMA: JsonSchema = {
  title: 'UploadedFile',
  type: 'object',
  required: ['carv_file_id', 'file_name', 'content_type', 'file_size', 'uploaded_at', 'expires_at'],
  properties: {
    carv_file_id: {
      type: 'string',
      format: 'uuid',
      description: 'Names the file in the `cv` of a candidate or an application',
      examples: ['019db49a-860b-74cb-8199-635ca3ad7f59'],
    },
    file_name: { type: 'string', description: 'Its name, without a path', examples: ['cv.pdf'] },
    content_type: { type: 'string', description: 'What its bytes say it is', examples: ['application/pdf'] },
    file_size: { type: 'integer', minimum: 0, description: 'In bytes', examples: [48213] },
    uploaded_at: { ...TIME, description: 'When it was stored', examples: ['2026-02-25T10:30:00.000Z'] },
    expires_at: {
      ...TIME,
      description: 'When it is deleted, unless an entity has it by then',
      examples: ['2026-02-28T10:30:00.000Z'],
    },
  },
};
