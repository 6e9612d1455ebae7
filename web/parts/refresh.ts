/** After a change of managers, everything that shows them is asked for anew. */
import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query';
import { queries } from '../queries.ts';

/** Also after a failure: a change of several may have been made in part. */
export function useChange<Input>(
  app: string,
  change: (input: Input) => Promise<unknown>,
): UseMutationResult<unknown, Error, Input> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () =>
      Promise.all(
        [['manager', app], queries.app(app).queryKey, queries.apps().queryKey].map((queryKey) =>
          client.invalidateQueries({ queryKey }),
        ),
      ),
  });
}
