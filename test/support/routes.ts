import { ModulesContainer } from '@nestjs/core';
import { routesOf as routesIn, type Route } from '../../src/reference/routes';
import type { Gateway } from './gateway';

export type { Route } from '../../src/reference/routes';

/**
 * Every route there is, with Express's path, such as `/v1/candidates/:candidate_id`: what a test does for all of them, it
 * does for the next one too.
 */
export function routesOf({ app }: Pick<Gateway, 'app'>): Route[] {
  return routesIn(app.get(ModulesContainer)).map((route) => ({
    ...route,
    path: route.path.replace(/\{(\w+)\}/g, ':$1'),
  }));
}
