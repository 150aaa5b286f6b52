import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/database';
import { fileNamedBy, type Write } from '../events/inbound';
import { FileClaims, type NamedFile } from './file-claims';
import { LOAD_NAMED, SETTLE_NAMED } from './uploads.sql';

interface Row {
  carv_file_id: string;
  ats_id: string;
  client_id: string;
  expired: boolean;
  reserved_by: string | null;
  entity: string | null;
  entity_id: string | null;
  bound: boolean;
}

/** The files that writes name, within the transaction that applies the writes. A batch without files costs nothing. */
@Injectable()
export class NamedFiles {
  async load(tx: Tx, writes: readonly Write[]): Promise<FileClaims> {
    const named = writes.flatMap((write) => {
      const id = fileNamedBy(write.payload as object);
      return id === null ? [] : [{ id, atsId: write.atsId, clientId: write.clientId }];
    });
    if (named.length === 0) return new FileClaims([]);
    const columns = [named.map((n) => n.id), named.map((n) => n.atsId), named.map((n) => n.clientId)];
    return new FileClaims((await tx.query<Row>(LOAD_NAMED, columns)).map(toFile));
  }

  async settle(tx: Tx, claims: FileClaims): Promise<void> {
    const settlements = claims.settlements();
    if (settlements.length === 0) return;
    const files = settlements.map(({ file }) => file);
    await tx.query(SETTLE_NAMED, [
      settlements.map(({ id }) => id),
      files.map((file) => (file === null ? 'released' : 'stored')),
      files.map((file) => file?.reservedBy ?? null),
      files.map((file) => file?.entity ?? null),
      files.map((file) => file?.entityId ?? null),
      files.map((file) => file?.bound ?? false),
      settlements.map(({ atsId }) => atsId),
    ]);
  }

  /** For writes that were never applied. */
  async release(tx: Tx, writes: readonly Write[]): Promise<void> {
    const claims = await this.load(tx, writes);
    for (const write of writes) claims.release(write);
    await this.settle(tx, claims);
  }
}

function toFile(row: Row): NamedFile {
  return {
    id: row.carv_file_id,
    atsId: row.ats_id,
    clientId: row.client_id,
    expired: row.expired,
    reservedBy: row.reserved_by,
    entity: row.entity,
    entityId: row.entity_id,
    bound: row.bound,
  };
}
