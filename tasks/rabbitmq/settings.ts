/** Apart from all that knows amqplib, so that an app is type-checked without that package. */
export interface RabbitSettings {
  /** Of queues that this app declares, as they do not exist yet. Default 'classic', as Celery. */
  readonly queueType?: 'classic' | 'quorum';
  /** `x-max-priority` of queues that this app declares; without it a classic queue ignores priorities. */
  readonly maxPriority?: number;
  /**
   * True (default): a send resolves when RabbitMQ has the message on its disk. 'later': up to 1,000 messages may be on their
   * way unconfirmed; they are sent again over an outage, a failure is told by the next send or `app.close()`, and what
   * is on its way when the process dies is lost. False: a send resolves when it is written, as Celery's by default.
   */
  readonly confirms?: boolean | 'later';
}
