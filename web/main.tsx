import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './styles.ts';
import { isPartMissing } from './part.ts';
import { createQueryClient, queries } from './queries.ts';
import { router } from './router.tsx';
import { cssVariables, theme } from './theme.ts';

/** What is not there by then is drawn as loading. */
const patienceMs = 300;

const client = createQueryClient();
void Promise.race([ready(), new Promise((resolve) => setTimeout(resolve, patienceMs))]).then(draw);

/** What was asked for before this script came is mostly there by now: it is drawn at once, instead of as loading and then again. */
async function ready(): Promise<void> {
  const asked = window.headcountFirst?.size ?? 0;
  if (asked === 0) return;
  const me = await client.fetchQuery(queries.me()).catch(() => undefined);
  if (!me?.loggedIn || asked === 1) return;
  await Promise.all([client.prefetchQuery(queries.overview()), client.prefetchQuery(queries.openIssues())]);
}

function draw(): void {
  const place = document.getElementById('root');
  if (place)
    createRoot(place, { onCaughtError: complain }).render(
      <StrictMode>
        <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
          <QueryClientProvider client={client}>
            <RouterProvider router={router} />
          </QueryClientProvider>
        </MantineProvider>
      </StrictMode>,
    );
}

/** A part that is missing is mended, or said on the page. */
function complain(error: unknown): void {
  if (!isPartMissing(error)) console.error(error);
}
