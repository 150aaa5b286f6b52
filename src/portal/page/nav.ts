/** The pages that the sidebar leads to, in its order. A page gets its line here when it exists. */
export const NAV: readonly NavItem[] = [
  { href: '/portal', label: 'Overview', icon: 'pulse' },
  { href: '/portal/configuration', label: 'My Configuration', icon: 'sliders' },
  { href: '/portal/testing', label: 'Webhook Testing', icon: 'send' },
  { href: '/portal/deliveries', label: 'Webhook Deliveries', icon: 'inbox' },
  { href: '/portal/flows', label: 'Flow', icon: 'route' },
  { href: '/portal/users', label: 'Users', icon: 'people' },
  { href: '/portal/audit-log', label: 'Audit log', icon: 'list' },
  { href: '/portal/profile', label: 'Profile', icon: 'person' },
];

export interface NavItem {
  readonly href: string;
  readonly label: string;
  readonly icon: IconName;
}

/** Outlines on a grid of 16. */
export const ICONS = {
  pulse: 'M1.5 8.5h3l2-5 3 9 2-4h3',
  sliders: 'M2 4.5h6m4 0h2M2 11.5h2m4 0h6M10 2.75v3.5M6 9.75v3.5',
  people:
    'M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M11 2.9a2.5 2.5 0 0 1 0 4.2M12.5 9.9c1.3.6 2 1.8 2 3.6',
  list: 'M5.5 4h8.5M5.5 8h8.5M5.5 12h8.5M2 4h.5M2 8h.5M2 12h.5',
  person: 'M8 7.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5ZM2.5 14c0-2.8 2.4-4.5 5.5-4.5s5.5 1.7 5.5 4.5',
  send: 'M14 2 7 9M14 2 9.5 14 7 9 2 6.5 14 2Z',
  inbox: 'M2 9h3.5l1 2h3l1-2H14M2 9l2-5.5h8L14 9v4H2V9Z',
  route:
    'M4 4.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM12 14.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM5.5 3H10a2.5 2.5 0 0 1 0 5H6a2.5 2.5 0 0 0 0 5h4.5',
} as const;

export type IconName = keyof typeof ICONS;
