import type { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';

/** Bytes that may wait between the socket and the reader of one COPY. */
const READ_AHEAD = 256 * 1024;

export interface CopyOutResult {
  /** Rows, as the server counted them. */
  readonly rows: number;
}

/**
 * COPY … TO STDOUT: hands every piece to the reader as it comes (cut anywhere) and returns the server's count of
 * rows once the connection is ready again. A reader that stops early leaves the connection unusable and the
 * backend busy: `abandon` is called to cancel it on the server and to destroy the connection.
 */
export async function* copyOut(
  client: Client,
  text: string,
  abandon: () => Promise<void>,
): AsyncGenerator<Buffer, CopyOutResult> {
  const stream = copyTo(text, { highWaterMark: READ_AHEAD });
  // pg-copy-streams ends the stream before CommandComplete brings the count: wait for ReadyForQuery as well.
  const ready = new Promise<void>((resolve) => {
    (stream as unknown as { handleReadyForQuery: () => void }).handleReadyForQuery = resolve;
  });
  client.query(stream);
  let finished = false;
  try {
    for await (const chunk of stream) yield chunk as Buffer;
    await ready;
    finished = true;
    return { rows: stream.rowCount };
  } catch (error) {
    // The server's own error ends the COPY cleanly; only a reader's stop does not.
    finished = stream.errored !== null;
    throw error;
  } finally {
    if (!finished) await abandon();
  }
}
