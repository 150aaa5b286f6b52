import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { cookieValue } from '../../auth/portal-cookies';
import { PortalSessions } from '../../auth/portal-sessions.service';
import { visitOf } from '../../auth/visitor';
import type { Flash } from './flashes';
import { SceneContext, type Scene, type Theme } from './scene';

export const THEME_COOKIE = 'portal_theme';

/** Nothing but our own files, nothing inline, and in nobody's frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Answers with pages, or sends on to one. */
@Injectable()
export class Pages {
  constructor(private readonly sessions: PortalSessions) {}

  async show(response: Response, page: VNode, status = 200): Promise<void> {
    const scene = sceneOf(response.req);
    if (scene.visitor?.flash != null) await this.sessions.setFlash(scene.visitor.sessionHash, null);
    const html = renderToString(<SceneContext.Provider value={scene}>{page}</SceneContext.Provider>);
    response.status(status).setHeader('Content-Type', 'text/html; charset=utf-8');
    response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    // Under no-referrer browsers send `Origin: null` with a form, and where it came from could not be checked.
    response.setHeader('Referrer-Policy', 'same-origin');
    response.setHeader('X-Frame-Options', 'DENY');
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    response.end(`<!doctype html>${html}`);
  }

  /** To a page of the portal, always by GET. @param flash what that page says of this request */
  async redirect(response: Response, path: string, flash?: Flash): Promise<void> {
    const visitor = visitOf(response.req)?.visitor;
    if (flash !== undefined && visitor != null) await this.sessions.setFlash(visitor.sessionHash, flash);
    response.status(303).setHeader('Location', path).end();
  }
}

function sceneOf(request: Request): Scene {
  const visit = visitOf(request);
  return {
    visitor: visit?.visitor ?? null,
    csrf: visit?.csrf ?? '',
    path: request.path,
    back: request.method === 'GET' ? request.originalUrl : '/portal',
    theme: themeOf(cookieValue(request, THEME_COOKIE)),
  };
}

export function themeOf(value: unknown): Theme {
  return value === 'light' || value === 'dark' ? value : 'system';
}
