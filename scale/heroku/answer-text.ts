/** Stops reading at the limit, so that a wrong address cannot fill the memory. */
export async function textWithin(response: Response, largestBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.byteLength;
    if (bytes > largestBytes) throw new RangeError(`the answer is larger than ${largestBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
