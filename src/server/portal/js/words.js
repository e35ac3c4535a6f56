// Every fixed sentence of the checking pages, [zh, en]: one table, so that neither language can lack what the
// other has. Gaps are `{name}`. Says only what was computed, and whose word the rest is.

const WORDS = {
  // The state of a step, for those who do not see the mark.
  waiting: ['未核对', 'not checked'],
  passed: ['通过', 'passed'],
  failed: ['未通过', 'failed'],
  separator: ['、', ', '],
  // Things ticked as they are computed; gaps by verify.js.
  tick_form: ['回执格式正确，共 {bytes} 字节，证明第 {index} 条', 'a receipt of {bytes} bytes, for record {index}'],
  tick_policy: ['策略适用，固定的创世编号 {genesis}', 'a policy for this ledger, pinned genesis {genesis}'],
  tick_checkpoint: ['检查点：账本 {origin}，{size} 条，根 {root}，由 {log} 签名', 'checkpoint: ledger {origin}, {size} records, root {root}, signed by {log}'],
  tick_cosignatures: ['见证：{witnesses}', 'witnesses: {witnesses}'],
  tick_cosignatures_missing: ['策略要求 {need} 方，已有 {have} 方；未见证：{missing}', 'the policy wants {need}, there are {have}; without: {missing}'],
  no_witness: ['无', 'none'],
  tick_leaf: ['条目的叶散列 {leaf}', 'leaf hash of the entry {leaf}'],
  tick_root: ['由 {hashes} 个散列算得的根与检查点的根一致', 'the root computed with {hashes} hashes is the checkpoint\'s'],
  tick_record: ['第 {index} 条，登记时间 {time}，前一条 {link}', 'record {index}, logged {time}, after {link}'],
  tick_text: ['正文 {bytes} 字节，逐字节符合语法', 'text of {bytes} bytes, in the grammar byte by byte'],
  tick_id: ['声明编号（正文的 SHA-256） {id}', 'statement id (SHA-256 of the text) {id}'],
  tick_keys: ['由 {notes} 份密钥声明自创世逐级推出', 'from the genesis through {notes} key statements'],
  tick_key: ['签名行所指的密钥已登记且有权签署', 'the key on the signature line is admitted and may sign this'],
  tick_signature: ['签名有效：{signers}', 'the signature is good: {signers}'],
  // Conclusions about a receipt.
  holds: ['成立：{about}，是账本 {origin} 的第 {index} 条；由 {signer} 签名；{witnessed}。', 'It holds: {about} is record {index} of the ledger {origin}; signed by {signer}; {witnessed}.'],
  unwitnessed: ['已由账本签名，但见证不足（要求 {need}，已有 {have}）：{about}，账本 {origin} 的第 {index} 条；由 {signer} 签名。可稍后重新下载回执再核对。', 'Signed, not yet witnessed ({have} of {need}): {about}, record {index} of the ledger {origin}, signed by {signer}. Download the receipt again later and check it again.'],
  document_holds: ['此文件与第 {index} 条登记的摘要一致；由 {signer} 签名；{witnessed}；{later}。', 'This file has the digest that record {index} registers; signed by {signer}; {witnessed}; {later}.'],
  document_unwitnessed: ['此文件与第 {index} 条登记的摘要一致；由 {signer} 签名；但见证不足（要求 {need}，已有 {have}）；{later}。', 'This file has the digest that record {index} registers; signed by {signer}; not yet witnessed ({have} of {need}); {later}.'],
  document_as: ['在该条中的名称：{name}（{about}）', 'There it is called {name} ({about})'],
  witnessed: ['见证时间 {times}', 'witnessed {times}'],
  witnessed_by_none: ['策略未要求见证，登记时间 {time} 为账本自述', 'the policy wants no witness, so the time {time} is the ledger\'s own word'],
  fails: ['不成立：第 {number} 步“{step}”未通过。', 'It does not hold: step {number}, {step}, failed.'],
  about_title: ['“{title}”（项目 {project}）', '“{title}” (project {project})'],
  about_project: ['项目 {project}', 'project {project}'],
  about_type: ['{type} 声明', 'a {type} statement'],
  authorities: ['授权机构', 'the authorities'],
  // Later corrections.
  later_none: ['截至第 {last} 条未见更正', 'no correction seen up to record {last}'],
  later_found: ['之后有更正：{list}', 'corrected later: {list}'],
  later_not_asked: ['是否有更正未查询', 'whether it was corrected later was not asked'],
  later_server: ['“未见更正”的依据：服务器给出的该项目后续记录 {count} 条，', 'What “no correction” rests on: the server gave {count} later records of this project; '],
  later_chained: ['已在本机核对，自本条起逐条相接、中间无遗漏，均不更正本条。服务器是否还藏着更新的记录，本页不能证明。', 'checked here, they follow each other from this one without a gap, and none corrects it. That the server holds back none still newer, this page cannot show.'],
  later_unchained: ['其中 {open} 条未能在本机核对（换过密钥或依命令不公开），这部分是服务器的说法。', '{open} of them could not be checked here (another key, or withheld by order): for these it is the server\'s word.'],
  later_zero: ['一条也没有。这是服务器的说法：它是否藏着更新的记录，本页不能证明。', 'there are none. That is the server\'s word: that it holds none back, this page cannot show.'],
  later_offline: ['未能向服务器查询后续记录，所以没有核对是否有更正。', 'The server could not be asked for later records, so corrections were not looked for.'],
  later_foreign: ['这份回执属于另一个账本，本服务器不知道它的后续记录；请到该账本查询。', 'This receipt is another ledger\'s, whose later records this server does not know: ask that ledger.'],
  later_no_project: ['这条记录不属于任何项目，不会被更正。', 'This record belongs to no project and is never amended.'],
  effect_correct: ['更正', 'corrected'],
  effect_replace: ['替换', 'replaced'],
  effect_withdraw: ['撤回', 'withdrawn'],
  later_by: ['第 {index} 条（{effect}）', 'by record {index} ({effect})'],
  // What is not shown.
  not_shown: ['这不能证明：', 'What this does not show:'],
  policy_from_server: ['所用策略来自本服务器。请把创世编号 {genesis} 与从其他途径（监督部门、公告、上次保存的策略文件）得到的比对。', 'The policy came from this server. Compare the genesis id {genesis} with one that you got by another way (the supervising authority, a notice, a policy file kept from before).'],
  policy_own: ['所用策略是您提供的：{name}。', 'The policy is one that you gave: {name}.'],
  policy_differs: ['注意：您的策略与本服务器给出的创世编号不同。以您的为准；如果两者本应是同一账本，请报告监督部门。', 'Beware: the genesis id of your policy is not that of this server\'s. Yours counts; if both should be of one ledger, tell the supervising authority.'],
  another_record: ['本页面显示的记录与回执证明的不是同一条（页面 {shown}，回执 {proved}）。请勿采信本页面，并报告监督部门。', 'This page shows another record than the receipt proves (page {shown}, receipt {proved}). Do not believe the page, and tell the supervising authority.'],
  computed_here: ['以上由您的浏览器在本机计算，用时 {ms} 毫秒。', 'All this was computed by your own browser, in {ms} ms.'],
  again: ['重新核对', 'check again'],
  checking: ['正在核对……', 'checking…'],
  loading: ['正在取回执和策略……', 'fetching the receipt and the policy…'],
  // What went wrong, and what to do next.
  do_form: ['请确认这是完整的回执文件（.tlog-proof），没有被编辑软件或聊天软件改动；可重新下载。', 'See that this is a whole receipt (.tlog-proof), not changed by an editor or a messenger; download it again.'],
  do_policy: ['请取得该账本的策略文件（policy，可向其监督部门或官网索取），放到这里或粘贴在下方，随即自动重新核对。', 'Get the policy file of that ledger (from its supervising authority or site) and put it here or paste it below: the receipt is then checked again by itself.'],
  do_genuine: ['请先确认文件完整、策略确为该账本所用。如均无误，这就是篡改或伪造的迹象：请把回执和本页结果一并交给监督部门。', 'See first that the file is whole and the policy is this ledger\'s. If both are right, this is a sign of tampering: hand the receipt and this result to the supervising authority.'],
  no_network: ['连不上服务器（{why}）。摘要已在本机算出；可稍后重试，或把该文件对应的回执（.tlog-proof）放到这里，不联网也能核对。', 'The server cannot be reached ({why}). The digest is computed; try again later, or put the receipt (.tlog-proof) of this file here: that works without a network.'],
  server_says: ['服务器答复：{why}', 'The server answers: {why}'],
  not_found: ['本账本没有任何一条登记过摘要为此的文件（服务器答复，截至第 {last} 条）。', 'No record of this ledger registers a file of this digest (the server\'s answer, up to record {last}).'],
  not_found_do: ['常见原因：文件被打开后另存、转换格式、加盖电子印章或经聊天软件压缩，摘要就变了；或登记在另一个账本。请找公告附件的原件重试，或使用该账本的回执。', 'Usual causes: the file was saved again, converted, stamped or compressed by a messenger, and has another digest then; or it is registered in another ledger. Try the original attachment, or the receipt of that ledger.'],
  digest_is: ['{name}（{size} 字节）的 SHA-256：{digest}', 'SHA-256 of {name} ({size} bytes): {digest}'],
  digest_yourself: ['自己核算：Windows 用 certutil -hashfile 文件 SHA256，Linux 用 sha256sum 文件。', 'By other means: certutil -hashfile FILE SHA256 on Windows, sha256sum FILE on Linux.'],
  hashing: ['正在计算 {name} 的摘要：{percent}%', 'computing the digest of {name}: {percent}%'],
  cancel: ['取消', 'cancel'],
  cancelled: ['已取消：{name}', 'cancelled: {name}'],
  unreadable: ['读不了文件 {name}（{why}）。请确认文件没有被移动、删除或被其他程序占用，再试一次。', 'Cannot read the file {name} ({why}). See that it was not moved, deleted or locked, and try again.'],
  held_back: ['另有 {count} 条提到此文件的记录依命令不公开或已清除。', '{count} more records that name this file are withheld or erased by order.'],
  also: ['另有 {count} 条记录也登记了此文件：', '{count} more records register this file:'],
  server_wrong: ['服务器说第 {index} 条登记了此文件，但回执核对后并非如此。请勿采信该答复。', 'The server says that record {index} registers this file, but its receipt says otherwise. Do not believe that answer.'],
  receipt_names: ['已载入的回执（第 {index} 条）登记了此文件：{name}。', 'The receipt loaded (record {index}) registers this file: {name}.'],
  receipt_names_not: ['已载入的回执（第 {index} 条）没有登记此文件。', 'The receipt loaded (record {index}) does not register this file.'],
  no_receipt_yet: ['请再放入登记此文件的回执（.tlog-proof）。', 'Now put the receipt (.tlog-proof) here that registers this file.'],
  // The form.
  drop_here: ['把文件或回执拖到这里，或点击选择', 'Drop a document or a receipt here, or choose'],
  drop_hint: ['文件（PDF 等，可达 2 GB 以上）、回执（.tlog-proof）、策略（policy）均可，可一次多个。不会上传。', 'Documents (PDF, …, 2 GB and more), receipts (.tlog-proof), policies; several at once. Nothing is uploaded.'],
  paste_policy: ['粘贴策略文件的内容（核对其他账本的回执时用）', 'Paste the content of a policy file (for receipts of other ledgers)'],
  use_policy: ['使用此策略', 'use this policy'],
  policy_taken: ['已采用策略：{name}，账本 {origin}，创世编号 {genesis}', 'policy taken: {name}, ledger {origin}, genesis {genesis}'],
  policy_no_genesis: ['策略 {name} 没有“# mingzhang genesis”一行，不能用来核对：没有它，任何密钥都可以冒充。请改用带这一行的策略。', 'The policy {name} has no “# mingzhang genesis” line and cannot be used: without it any key could be claimed to be the centre\'s. Use one that has it.'],
  policy_bad: ['{name} 不是策略文件：{why}', '{name} is not a policy file: {why}'],
  policy_pasted: ['粘贴的策略', 'the pasted policy'],
  policy_of_server: ['本服务器的策略', "this server's policy"],
  policy_unloaded: ['没能取得本服务器的策略（{why}）。请刷新，或放入您自己的策略文件。', "This server's policy could not be fetched ({why}). Reload, or put your own policy file here."],
  no_policy_yet: ['还没有策略：请先放入策略文件，或粘贴在下方。', 'There is no policy yet: put a policy file here, or paste it below.'],
  result: ['核对结果', 'Results'],
  step_by_step: ['逐步结果', 'Step by step'],
  your_policies: ['所用策略', 'Policies in use'],
  clear: ['清空结果', 'clear'],
  too_slow: ['服务器没有及时答复', 'no answer in time'],
  too_large: ['答复超过 {max} 字节', 'the answer has more than {max} bytes'],
};

/** `say('holds')` in the language of the page: `zh-CN` or `en`. */
export function speaker(lang) {
  const at = lang && lang.startsWith('zh') ? 0 : 1;
  const say = (name) => WORDS[name][at];
  say.lang = at === 0 ? 'zh' : 'en';
  return say;
}

export const wordNames = () => Object.keys(WORDS);
