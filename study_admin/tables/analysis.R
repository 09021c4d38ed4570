# Analysis of the paired scores in wide_pairs.csv. Run it with: Rscript analysis.R
# The difference is always score_@SECOND@ minus score_@FIRST@. @NOTE@
# The primary analysis needs the R package lmerTest: install.packages("lmerTest")

first <- "score_@FIRST@"
second <- "score_@SECOND@"
alpha <- @ALPHA@
margin <- @MARGIN@ # of non-inferiority, in points; NA: none was fixed before the study opened

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
if (length(script) == 1) setwd(dirname(script))

# --- data: one row a reading, also those that were not scored ---
texts <- c(reader = "character", group = "character", exam = "character")
pairs <- read.csv("wide_pairs.csv", na.strings = "", fileEncoding = "UTF-8", colClasses = texts)
whole <- pairs[complete.cases(pairs[, c(first, second)]), ]
whole$d <- whole[[second]] - whole[[first]]
n <- nrow(whole)
readers <- length(unique(whole$reader))
exams <- length(unique(whole$exam))

cat(sprintf("Readings due %d, with both scores %d; readers %d, exams %d, groups %d\n",
            nrow(pairs), n, readers, exams, length(unique(whole$group))))
unscored <- tapply(is.na(pairs[[first]]) | is.na(pairs[[second]]), pairs$reader, sum)
if (any(unscored > 0)) {
  cat("Readings without both scores:", paste(names(unscored)[unscored > 0], unscored[unscored > 0]), sep = " ", fill = 100)
}
if (n < 2) stop("Fewer than two readings have both scores: there is nothing to compare.")

for (name in c(first, second)) {
  x <- whole[[name]]
  cat(sprintf("%-34s mean %.4f  sd %.4f  median %g\n", name, mean(x), sd(x), median(x)))
}

# One line a method: estimate, standard error, degrees of freedom, p, confidence interval
show <- function(label, estimate, se, df, of_margin = margin) {
  if (!is.finite(se) || se <= 0) stop("the differences do not vary, or too few of them are left")
  p <- 2 * pt(-abs(estimate / se), df)
  half <- qt(1 - alpha / 2, df) * se
  cat(sprintf("%-34s %9.6f  se %.6f  df %.3f  p %.6g  %g%% CI %.6f to %.6f\n",
              label, estimate, se, df, p, 100 * (1 - alpha), estimate - half, estimate + half))
  if (!is.na(of_margin)) {
    p <- pt((estimate + of_margin) / se, df, lower.tail = FALSE)
    cat(sprintf("%-34s margin %g  one-sided p %.6g\n", "  non-inferiority of the second", of_margin, p))
  }
}
attempt <- function(label, code) {
  tryCatch(code, error = function(e) cat(sprintf("%-34s not computed: %s\n", label, conditionMessage(e))))
}

# --- primary: mixed model of the differences, REML, Satterthwaite degrees of freedom ---
cat("\nPrimary\n")
if (requireNamespace("lmerTest", quietly = TRUE)) {
  attempt("mixed model", {
    if (min(readers, exams) < 2) stop("there is only one reader, or one exam")
    # Exams of one reader each, say, have no variance of their own: it is part of the residual
    random <- sprintf("(1 | %s)", c("reader", "exam")[c(readers, exams) < n])
    if (length(random) == 0) stop("each reader and each exam has one value only")
    model <- lmerTest::lmer(reformulate(c("1", random), "d"), data = whole, REML = TRUE)
    row <- coef(summary(model))["(Intercept)", ]
    show("mixed model", row[["Estimate"]], row[["Std. Error"]], row[["df"]])
    print(as.data.frame(lme4::VarCorr(model))[, c("grp", "vcov")], row.names = FALSE)
    cat(sprintf("%-34s %.6f\n", "design effect", row[["Std. Error"]]^2 / (var(whole$d) / n)))
  })
} else {
  cat("mixed model: not computed, as lmerTest is not installed\n")
}

# --- two other roads to the same question ---
# Obuchowski-Rockette on a split plot (Obuchowski, Gallas, Hillis 2012), any missing pattern
or_split_plot <- function(x) {
  covariances <- c()
  for (rows in split(x, x$group)) {
    wide <- tapply(rows$d, rows[, c("reader", "exam")], mean)
    for (i in seq_len(nrow(wide) - 1)) for (k in (i + 1):nrow(wide)) {
      both <- !is.na(wide[i, ]) & !is.na(wide[k, ])
      if (sum(both) == 0) covariances <- c(covariances, 0) # without a common exam they are independent
      if (sum(both) > 1) covariances <- c(covariances, cov(wide[i, both], wide[k, both]) * sum(both) /
                                                       (sum(!is.na(wide[i, ])) * sum(!is.na(wide[k, ]))))
    }
  }
  means <- tapply(x$d, x$reader, mean)
  group <- x$group[match(names(means), x$reader)]
  sizes <- table(group)
  free <- length(means) - length(sizes)
  if (free < 1 || length(covariances) == 0) stop("no group has two readers")
  ms <- sum((means - ave(means, group))^2) / free
  spread <- ms + sum(sizes^2) / sum(sizes) * max(mean(covariances), 0)
  if (ms == 0) stop("the readers of each group agree wholly")
  list(mean(means), sqrt(spread / length(means)), spread^2 / (ms^2 / free))
}
# U-statistic (Gallas; joint moments), any missing pattern
u_statistic <- function(x) {
  squares <- function(v) c(sum(v)^2, sum(tapply(v, x$exam, sum)^2), sum(tapply(v, x$reader, sum)^2), sum(v^2))
  b <- rbind(c(1, -1, -1, 1), c(0, 1, 0, -1), c(0, 0, 1, -1), c(0, 0, 0, 1))
  counts <- b %*% squares(rep(1, nrow(x)))
  moments <- ifelse(counts == 0, 0, (b %*% squares(x$d)) / pmax(counts, 1))
  weights <- counts / nrow(x)^2 - c(1, 0, 0, 0)
  list(mean(x$d), sqrt(max(sum(weights * moments), 0)), min(readers, exams) - 1)
}
cat("\nSecondary\n")
attempt("Obuchowski-Rockette split plot", do.call(show, c("Obuchowski-Rockette split plot", or_split_plot(whole))))
attempt("U-statistic", do.call(show, c("U-statistic", u_statistic(whole))))

wins <- sum(whole$d > 0)
losses <- sum(whole$d < 0)
cat(sprintf("second higher %d, equal %d, lower %d; share of the second (ties half) %.4f\n",
            wins, n - wins - losses, losses, (wins + (n - wins - losses) / 2) / n))
attempt("net benefit", do.call(show, c("net benefit", u_statistic(transform(whole, d = sign(d))), NA)))

# --- as published: every reading as if it were independent; ignores that readers and exams repeat ---
cat("\nAs published (ignores clustering)\n")
attempt("paired t", show("paired t", mean(whole$d), sd(whole$d) / sqrt(n), n - 1))
if (wins + losses > 0) cat(sprintf("%-34s p %.6g (ties left out)\n", "sign test", binom.test(wins, wins + losses)$p.value))
attempt("Wilcoxon signed rank", {
  if (wins + losses == 0) stop("there is no pair with a difference")
  test <- suppressWarnings(wilcox.test(whole$d, exact = FALSE, correct = FALSE))
  cat(sprintf("%-34s V %g  p %.6g (ties between the two scores left out)\n", "Wilcoxon signed rank", test$statistic, test$p.value))
})
