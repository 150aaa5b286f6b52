import { rewriteTexts, tidy } from '../events/text';
import type { ApplicationDto } from './application.dto';

/** The application as it is stored and delivered; normalising twice changes nothing more. */
export function normaliseApplication<T extends ApplicationDto>(application: T): T {
  return rewriteTexts(application, { stage: tidy, source: tidy, applied_at: tidy });
}
