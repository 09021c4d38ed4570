# 95 % intervals of the pooled ICC of paper.csv and null.csv: by the delta method on the logit from lmerTest's own
# covariance of the variance parameters (relative standard deviations theta), and as percentiles of 2,000 draws of a
# parametric bootstrap. R 4.2.2, lme4 1.1-31, lmerTest 3.1-3; minutes. Writes what pooled_icc.json holds.
library(lmerTest)
set.seed(20200715)
shares <- function(model) {
  v <- as.data.frame(VarCorr(model))
  v <- setNames(v$vcov, v$grp)
  c(v[["exam"]] / sum(v), v[["exam"]] / (v[["exam"]] + v[["Residual"]]))
}
for (set in c("paper", "null")) for (arm in c("technician", "dl")) {
  d <- read.csv(paste0(set, ".csv"))
  d$y <- d[[paste0("score_", arm)]]
  model <- lmer(y ~ 1 + (1 | exam) + (1 | reader), d)
  theta <- getME(model, "theta")
  names(theta) <- sub("\\..*", "", names(theta))
  V <- model@vcov_varpar[1:2, 1:2]
  dimnames(V) <- list(names(theta), names(theta))
  e <- theta[["exam"]]
  r <- theta[["reader"]]
  slopes <- c(exam = 2 / e, reader = -2 * r / (r^2 + 1))[names(theta)]
  limits <- function(logit, se) plogis(logit + c(-1, 1) * qnorm(0.975) * se)
  agreement <- limits(log(e^2 / (r^2 + 1)), sqrt(drop(slopes %*% V %*% slopes)))
  consistency <- limits(log(e^2), 2 / e * sqrt(V["exam", "exam"]))
  drawn <- bootMer(model, shares, nsim = 2000)$t
  cat(set, arm, format(c(agreement, consistency), digits = 9),
      format(apply(drawn, 2, quantile, c(0.025, 0.975)), digits = 4), "\n")
}
