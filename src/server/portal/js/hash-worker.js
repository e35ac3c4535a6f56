// The worker of hashing.js.
import { serveHashing } from './hashing.js';

serveHashing(self);
