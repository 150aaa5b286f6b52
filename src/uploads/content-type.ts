import { fileTypeFromFile } from 'file-type/node';
import type { FileHandle } from 'node:fs/promises';
import { isWordDocument } from './compound-file';
import { isSystemFault } from './multipart';

const PDF = 'application/pdf';
const DOC = 'application/msword';
const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const COMPOUND_FILE = 'application/x-cfb';

/** The type of a document, from its bytes alone; null when it is none of those that are taken. */
export async function contentTypeOf(path: string, handle: FileHandle): Promise<string | null> {
  const mime = await mimeOf(path);
  if (mime === PDF || mime === DOCX) return mime;
  return mime === COMPOUND_FILE && (await isWordDocument(handle)) ? DOC : null;
}

async function mimeOf(path: string): Promise<string | undefined> {
  try {
    return (await fileTypeFromFile(path))?.mime;
  } catch (error) {
    // A broken container is the uploader's; a fault of the file system is ours.
    if (isSystemFault(error)) throw error;
    return undefined;
  }
}
