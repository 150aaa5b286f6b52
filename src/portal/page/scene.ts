import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Visitor } from '../../auth/visitor';

export type Theme = 'system' | 'light' | 'dark';

/** What every element of a page may need to know of the request that it answers. */
export interface Scene {
  readonly visitor: Visitor | null;
  readonly csrf: string;
  /** Without its query. */
  readonly path: string;
  /** Where a form that belongs to no page sends its user back to. */
  readonly back: string;
  readonly theme: Theme;
}

const NOWHERE: Scene = { visitor: null, csrf: '', path: '/portal', back: '/portal', theme: 'system' };

export const SceneContext = createContext<Scene>(NOWHERE);

export function useScene(): Scene {
  return useContext(SceneContext);
}
