import type { RouteDocs } from '../http/documented';
import type { JsonSchema } from '../http/json-schema';

const FORM: JsonSchema = {
  title: 'Upload',
  type: 'object',
  required: ['file'],
  properties: {
    file: {
      type: 'string',
      format: 'binary',
      description: 'A PDF, DOC or DOCX of at most 10 MiB. What it is is told from its bytes, whatever its name says.',
      examples: ['%PDF-1.7 and what follows'],
    },
  },
};

const UPLOADED: JsonSchema = {
  title: 'UploadedFile',
  type: 'object',
  required: ['carv_file_id', 'file_name', 'content_type', 'file_size', 'uploaded_at', 'expires_at'],
  properties: {
    carv_file_id: {
      type: 'string',
      format: 'uuid',
      description: 'What a candidate or an application names as its `cv`',
      examples: ['019db49a-860b-74cb-8199-635ca3ad7f59'],
    },
    file_name: { type: 'string', description: 'As you named it, for showing it', examples: ['cv.pdf'] },
    content_type: {
      type: 'string',
      enum: [
        'application/pdf',
        'application/msword',
        'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      ],
      description: 'What it is',
      examples: ['application/pdf'],
    },
    file_size: { type: 'integer', minimum: 1, maximum: 10_485_760, description: 'In bytes', examples: [48_213] },
    uploaded_at: {
      type: 'string',
      format: 'date-time',
      description: 'When it was stored',
      examples: ['2026-02-25T10:30:00.000Z'],
    },
    expires_at: {
      type: 'string',
      format: 'date-time',
      description: 'Until then a write must have named it, 72 hours from now',
      examples: ['2026-02-28T10:30:00.000Z'],
    },
  },
};

export const UPLOAD_DOCS: RouteDocs = {
  id: 'uploadFile',
  tag: 'Files',
  summary: 'Upload a CV',
  description:
    'The file belongs to the first write that names it, and is kept with its candidate or application until that is ' +
    'deleted or has another file. To any other write that names it the result is an `error` with the code ' +
    '`file_unavailable`. Small text fields beside the file are ignored.',
  context: 'workspace',
  body: { shape: FORM, types: ['multipart/form-data'] },
  answers: { 200: { description: 'It is stored durably', shape: UPLOADED } },
  refuses: [408, 409],
};
