import type { VNode } from 'preact';
import type { EventType } from '../../event-types/event-types.service';
import type { Choice } from './test-payloads.service';

interface EventPickerProps {
  readonly types: readonly EventType[];
  readonly choice: Choice;
}

/** Loads another sample. It changes nothing, so the choice stands in the address. */
export function EventPicker({ types, choice }: EventPickerProps): VNode {
  const kinds = new Set(types.map(kindOf));
  return (
    <form method="get" action="/portal/testing" class="picker" aria-label="Sample">
      <div class="field">
        <label for="event">Event</label>
        <select id="event" name="event">
          {[...kinds].map((kind) => (
            <optgroup key={kind} label={kind.charAt(0).toUpperCase() + kind.slice(1)}>
              {types
                .filter((type) => kindOf(type) === kind)
                .map(({ event }) => (
                  <option key={event} value={event} selected={event === choice.type.event}>
                    {event}
                  </option>
                ))}
            </optgroup>
          ))}
        </select>
      </div>
      <div class="field">
        <label for="sample">Sample of</label>
        <select id="sample" name="sample">
          <option value="success" selected={choice.sample === 'success'}>
            a success
          </option>
          <option value="error" selected={choice.sample === 'error'}>
            an error
          </option>
        </select>
      </div>
      <button class="button" type="submit">
        Load sample
      </button>
    </form>
  );
}

function kindOf({ event }: EventType): string {
  return event.slice(0, event.indexOf('.'));
}
