/**
 * The contract by which the controller sends a failed task once more, through the broker behind a meter's numbers: the same
 * name, arguments and queue under a new id. The meter that heard of the failure has its address.
 *
 * The arguments never come from events. What those tell are texts for people, cut off and not to be read back; they come
 * from a place that kept them whole, and where there is none, the task is not sent.
 */
export interface SendAgain {
  /** The meter's queue. */
  readonly queue: string;
  /**
   * Sends exactly one message, and once only for each failed task: whoever asks again, here or at another controller, hears of the
   * first. So it may be asked again where no answer came.
   *
   * @throws HeadcountError BROKER_UNREACHABLE when the broker does not answer; whoever asks bounds it
   */
  send(failed: FailedTask, signal: AbortSignal): Promise<SentAgain>;
}

export interface FailedTask {
  readonly id: string;
  /** Where it came from; several when its worker takes from several and nobody knows from which of them. */
  readonly queues: readonly string[];
}

export type SentAgain =
  | { readonly kind: 'sent'; readonly id: string; readonly task: string; readonly queue: string }
  /** By somebody before, under this id. */
  | { readonly kind: 'already'; readonly id: string }
  /** Nothing was sent. `why` is a clause, `todo` a sentence. */
  | { readonly kind: 'refused'; readonly why: string; readonly todo: string };
