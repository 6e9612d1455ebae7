import { onEachStore, storeContract } from './contract.ts';

onEachStore(storeContract);
