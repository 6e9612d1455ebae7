/** In place of a page that broke, or of which a part did not come. */
import { useEffect, useState } from 'react';
import { isPartMissing, reloadForPart } from '../part.ts';
import { Failed, Loading } from './states.tsx';

export function Broken({ error }: { error: unknown }) {
  if (isPartMissing(error)) return <Missing />;
  return (
    <main className="lonely">
      <Failed what="This page broke" error={error} retry={() => location.reload()} />
    </main>
  );
}

function Missing() {
  const [why, setWhy] = useState<unknown>();
  const reload = (asked: boolean): void => {
    setWhy(undefined);
    void reloadForPart(asked).then(setWhy);
  };
  useEffect(() => {
    void reloadForPart(false).then(setWhy);
  }, []);
  if (why === undefined) return <Loading what="the new version of this page" />;
  return (
    <div className="lonely">
      <Failed what="This page could not be loaded" error={why} retry={() => reload(true)} />
    </div>
  );
}
