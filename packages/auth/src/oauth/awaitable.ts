/** A value that is there already, or will be. What can answer from memory answers without a turn of the event loop. */
export type Awaitable<T> = T | Promise<T>;

/** `next(value)`, at once when the value is there. Only our own promises are awaited: a verified claim named `then` is no promise. */
export function chain<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
