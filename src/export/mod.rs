//! What others take from the log in their own forms: OCDS, and the codes of the national platform. Pure: statements in, JSON out.
//!
//! Promises: made from the log alone, so that whoever has a copy of the log makes the same. What is withheld is not handed in
//! by the caller (the ledger's `showing` says which), and commitments are left out.

pub mod national;
pub mod ocds;

use crate::tlog::merkle::Hash;
use crate::trade::statement::Statement;
use crate::trade::time::Time;

/// A record to be exported.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its leaf index.
    pub index: u64,
    /// Its time.
    pub time: Time,
    /// What it says.
    pub statement: Statement,
}

/// A record that is not in the export, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its leaf index.
    pub index: u64,
    /// Its statement id.
    pub id: Hash,
    /// Why.
    pub reason: Reason,
}

/// Why a record is not exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not a trade statement.
    NotTrade,
    /// A sale: in OCDS it would read as spending.
    Sale,
    /// A category that may be a sale or a purchase, and does not say which.
    MaybeSale,
    /// Its kind has no place in the target form.
    NoPlace,
}

impl Reason {
    /// A stable word.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Reason::NotTrade => "not_trade",
            Reason::Sale => "sale",
            Reason::MaybeSale => "maybe_sale",
            Reason::NoPlace => "no_place",
        }
    }

    /// In Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Reason::NotTrade => "不是交易声明",
            Reason::Sale => "属出让、转让，不作为采购导出",
            Reason::MaybeSale => "类别未说明是买还是卖，不导出",
            Reason::NoPlace => "该类公告在目标格式中没有对应位置",
        }
    }
}
