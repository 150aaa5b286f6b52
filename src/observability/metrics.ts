import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What `GET /metrics` shows; of this process, but for the gauges of the queues. */
export const registry = new Registry();

/** Seconds; the receiver's deadline is 5 by default. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

collectDefaultMetrics({ register: registry });

export const requestDuration = new Histogram({
  name: 'gateway_request_duration_seconds',
  help: 'HTTP requests by route pattern and status',
  labelNames: ['method', 'route', 'status'] as const,
  buckets: BUCKETS,
  registers: [registry],
});

export const flowsAccepted = new Counter({
  name: 'gateway_flows_accepted_total',
  help: 'Writes answered with 202, repetitions left out',
  labelNames: ['source'] as const,
  registers: [registry],
});

export const flowsProcessed = new Counter({
  name: 'gateway_flows_processed_total',
  help: 'Flows that got their result',
  labelNames: ['status'] as const,
  registers: [registry],
});

export const attemptDuration = new Histogram({
  name: 'gateway_delivery_attempt_duration_seconds',
  help: 'Outgoing attempts by outcome and by what follows',
  labelNames: ['outcome', 'verdict'] as const,
  buckets: BUCKETS,
  registers: [registry],
});

export const queueMessages = new Gauge({
  name: 'gateway_queue_messages',
  help: 'Pending messages, counted to 100000 at the most',
  labelNames: ['queue'] as const,
  registers: [registry],
});

export const queueOldest = new Gauge({
  name: 'gateway_queue_oldest_seconds',
  help: 'Age of the flow at the head of the queue; 0 when it is empty',
  labelNames: ['queue'] as const,
  registers: [registry],
});

export const deadMessages = new Gauge({
  name: 'gateway_dead_messages',
  help: 'Messages given up and kept, counted to 100000 at the most',
  registers: [registry],
});

export const endpoints = new Gauge({
  name: 'gateway_endpoints',
  help: 'Endpoints that take no deliveries, by the reason',
  labelNames: ['state'] as const,
  registers: [registry],
});
