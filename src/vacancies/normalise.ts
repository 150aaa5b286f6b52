import { rewriteTexts, tidy, tidyDistinct, tidyLines } from '../events/text';
import type { VacancyDto } from './vacancy.dto';

/** The vacancy as it is stored and delivered; normalising twice changes nothing more. */
export function normaliseVacancy(vacancy: VacancyDto): VacancyDto {
  const result = rewriteTexts(vacancy, { title: tidy, location: tidy, employment_type: tidy, description: tidyLines });
  if (result.skills) result.skills = tidyDistinct(result.skills);
  return result;
}
