/** Lets in who is logged in; leads everybody else to the login or the set-up. */
import { useQuery } from '@tanstack/react-query';
import { Outlet, useRouter } from '@tanstack/react-router';
import { useEffect } from 'react';
import { queries } from '../queries.ts';
import { Shell } from './shell.tsx';
import { Failed, Loading } from './states.tsx';

export function Gate() {
  const me = useQuery(queries.me());
  if (me.isPending) return <Loading what="the dashboard" />;
  if (!me.data)
    return (
      <main className="lonely">
        <Failed what="The dashboard could not be opened" error={me.error} retry={() => void me.refetch()} />
      </main>
    );
  if (me.data.setUpNeeded) return <Leave to="/setup" />;
  if (!me.data.loggedIn) return <Leave to="/login" />;
  return (
    <Shell me={me.data}>
      <Outlet />
    </Shell>
  );
}

/** Once, from where one is: while the next page is loading, this one is drawn again and must not lead on from there. */
function Leave({ to }: { to: '/setup' | '/login' }) {
  const router = useRouter();
  useEffect(() => {
    const { pathname, href } = router.state.location;
    if (pathname === to) return;
    const search = to === '/login' && href !== '/' ? { next: href } : {};
    void router.navigate({ to, search, replace: true });
  }, [router, to]);
  return <Loading what="the login" />;
}
