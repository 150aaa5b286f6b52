import type { VNode } from 'preact';
import { Form } from '../page/elements';
import { useScene } from '../page/scene';

interface RedeliverFormProps {
  readonly referenceId: string;
  /** Named to those who see nothing of what stands around it. */
  readonly of?: string;
  readonly small?: boolean;
  /** Its flow may have expired: back to the list of what was given up. */
  readonly toDead?: boolean;
}

/** Only for who may; the guard refuses the others anyway. */
export function RedeliverForm({ referenceId, of, small = false, toDead = false }: RedeliverFormProps): VNode | null {
  const { visitor } = useScene();
  if (visitor?.role !== 'admin') return null;
  return (
    <Form action={`/portal/flows/${referenceId}/redeliver`}>
      {toDead && <input type="hidden" name="back" value="dead" />}
      <button class={`button${small ? ' small' : ' primary'}`} type="submit">
        Redeliver
        {of !== undefined && <span class="visually-hidden">{` ${of}`}</span>}
      </button>
    </Form>
  );
}
