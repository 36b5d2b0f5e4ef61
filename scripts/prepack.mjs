// SPDX-License-Identifier: Apache-2.0
// npm pack and npm publish of the checkout would make a package without dist/, or with one that is not whole.
console.error('the checkout is no package: "npm run release" makes the npm packages in build/release/npm, ready for npm publish');
process.exit(1);
