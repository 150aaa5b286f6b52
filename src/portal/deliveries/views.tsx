import type { VNode } from 'preact';
import { useScene } from '../page/scene';

const VIEWS = [
  { href: '/portal/deliveries', label: 'All attempts' },
  { href: '/portal/deliveries/dead', label: 'Given up' },
];

/** Between what was tried and what was given up. */
export function Views(): VNode {
  const { path } = useScene();
  return (
    <nav class="views" aria-label="Views">
      {VIEWS.map(({ href, label }) => (
        <a key={href} href={href} aria-current={href === path ? 'page' : undefined}>
          {label}
        </a>
      ))}
    </nav>
  );
}
